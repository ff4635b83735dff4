internal import MusterAPI
internal import MusterCore
internal import MusterHTTP
internal import MusterRole
internal import MusterRoutes
internal import MusterServices
internal import MusterSpawning
internal import MusterWire

/// Children: asked for, listed, and heard.
final class ChildService: Service {
    private let authenticator: Authenticator
    private let spawner: Spawner

    init(_ common: Common, spawner: Spawner) {
        (authenticator, self.spawner) = (common.authenticator, spawner)
    }

    var routes: [RouteName: RouteHandler] {
        [
            .createChild: { [unowned self] in try createChildren($0) },
            .createChildren: { [unowned self] in try createChildren($0) },
            .children: { [unowned self] in try listChildren($0) },
            .cancelChild: { [unowned self] in try cancelChild($0) },
            .childNumbers: { [unowned self] in try takeNumbers($0) },
            .ownChild: { [unowned self] in try takeOwnNumbers($0) },
            .progress: { [unowned self] _ in progress() },
        ]
    }

    /// Native and classic in one: text where the client neither names JSON nor sends it.
    func createChildren(_ request: HTTPRequest) throws -> HTTPOutcome {
        let asked = try ChildrenRequest(body: request.body)
        let key = try request.idempotencyKey()
        let isJSON = !request.body.isEmpty || request.header("accept")?.lowercased().contains("json") == true
        return .hold { [self] held in
            Task {
                do {
                    let records = try await spawner.create(asked, key: key)
                    held.respond(Self.created(records, isJSON: isJSON || request.path.first == "v1"))
                } catch {
                    held.respond(.problem(.of(error)))
                }
            }
        }
    }

    private static func created(_ records: [ChildRecord], isJSON: Bool) -> HTTPResponse {
        guard isJSON else { return .text("Child process started", status: 202) }
        return .json(ListAnswer(records.map { ChildName(id: $0.id) }).body, status: 202)
    }

    func listChildren(_ request: HTTPRequest) throws -> HTTPOutcome {
        let limit = try request.queryInt("limit", in: 1...1_000) ?? 100
        let before = try request.queryInt("before", in: 1...Int.max).map { ChildID(Int64($0)) }
        return .task { [self] in
            let records = try await spawner.records(before: before, limit: limit)
            return .json(ListAnswer(records.map { ChildStatus($0) }).body)
        }
    }

    /// A child that is over stays as it is: cancelling again answers the same.
    func cancelChild(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = ChildID(try request.number("id", of: "child"))
        return .task { [self] in
            do {
                guard let record = try await spawner.cancel(id) else { throw Problem(404, "There is no child \(id).") }
                return .json(ChildStatus(record).body)
            } catch {
                throw Problem.of(error)
            }
        }
    }

    /// A child delivers. Answered when it is durable: what it has recorded so far, and whether that was all.
    func takeNumbers(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = ChildID(try request.number("id", of: "child"))
        guard case .child(let sender) = authenticator.principal(of: request) else { throw Callers.notTheChild(id) }
        try Callers.requireOwn(sender, request)
        return taken { [spawner] in
            try await spawner.record(NumbersReport(body: request.body, range: spawner.configuration.range), of: id)
        }
    }

    /// As `takeNumbers`, from a child that somebody started by hand.
    func takeOwnNumbers(_ request: HTTPRequest) throws -> HTTPOutcome {
        let key = try request.idempotencyKey()
        return taken { [spawner] in
            let report = try NumbersReport(body: request.body, range: spawner.configuration.range)
            guard report.offset == 0 else {
                throw Problem(
                    422, "\"offset\" is \(report.offset); a child that nobody launched has one part, at 0.",
                    code: "field")
            }
            return try await spawner.record(report, key: key)
        }
    }

    private func taken(_ record: @escaping @Sendable () async throws -> NumbersVerdict) -> HTTPOutcome {
        .hold { held in
            Task {
                do {
                    held.respond(.json(try await record().body))
                } catch {
                    held.respond(.problem(.of(error)))
                }
            }
        }
    }

    func progress() -> HTTPOutcome { .respond(.json(spawner.progress.body)) }
}

internal import MusterAPI
internal import MusterCallbacks
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterMembership
internal import MusterRoutes
internal import MusterServices
internal import MusterWire

/// The rank routes that old clients call: thin translations, by address instead of by id.
final class ClassicRankService: Service {
    private let lock: FleetLock
    private let rules: CallbackRules
    private let members: any Admitting
    private let commands: any CommandSending
    /// So long an old client waits for what became of its command.
    private let patience: Duration

    init(
        _ common: Common, rules: CallbackRules, members: any Admitting, commands: any CommandSending, patience: Duration
    ) {
        (lock, self.rules, self.patience) = (common.lock, rules, patience)
        (self.members, self.commands) = (members, commands)
    }

    var routes: [RouteName: RouteHandler] {
        [
            .assignRank: { [unowned self] in try assignRank($0) },
            .unassignRank: { [unowned self] in try unassignRank($0) },
            .classicCommand: { [unowned self] in try classicCommand($0) },
        ]
    }

    func assignRank(_ request: HTTPRequest) throws -> HTTPOutcome {
        let asked = try ClassicMember(body: request.body, withCommand: false)
        return .hold { [self] held in
            ranked(asked.address, isOwnWord: false) { result in
                switch result {
                case .success(let (_, rank)):
                    held.respond(.json(RankAnswer(rank: rank ?? 0).body))
                case .failure(let problem): held.respond(.problem(problem))
                }
            }
        }
    }

    func unassignRank(_ request: HTTPRequest) throws -> HTTPOutcome {
        let asked = try ClassicMember(body: request.body, withCommand: false)
        let known = lock.withLock { fleet in
            let member = fleet.core.membership.member(callback: asked.address)
            if let member, Self.isClassic(member.record) { fleet.handle(.membership(.left(member.record.id))) }
            return member
        }
        if let known, !Self.isClassic(known.record) { throw Self.foreign(asked.address) }
        guard known != nil else { throw Problem(404, "No member has the address \(asked.address).") }
        return .respond(.json(Success().body))
    }

    func classicCommand(_ request: HTTPRequest) throws -> HTTPOutcome {
        let asked = try ClassicMember(body: request.body, withCommand: true)
        return .hold { [self] held in
            ranked(asked.address, isOwnWord: true) { [self] result in
                switch result {
                case .failure(let problem): held.respond(.problem(problem))
                case .success(let (id, _)):
                    commands.accept(asked.command ?? "", from: id) { [self] result in
                        switch result {
                        case .failure(let problem): held.respond(.problem(problem))
                        case .success(let record): Task { held.respond(await outcomes(of: record)) }
                        }
                    }
                }
            }
        }
    }

    /// Whether an address is all that it is known by. Who joined with a secret speaks and leaves with that: an old client's routes
    /// ask for none, and so are not for it.
    private static func isClassic(_ record: MemberRecord) -> Bool { record.incarnation == incarnation(record.callback) }

    private static func incarnation(_ address: String) -> String { JoinRequest.callbackIncarnation + address }

    private static func foreign(_ address: String) -> Problem {
        Problem(
            403, "The member at \(address) joined with a secret of its own, and sends and leaves with that.",
            code: "rights")
    }

    /// The member of this address, ranked last when there is none yet. `isOwnWord`: what follows is done in its name.
    private func ranked(
        _ address: String, isOwnWord: Bool,
        then: @escaping @Sendable (Result<(MemberID, rank: Int?), Problem>) -> Void
    ) {
        let known: (record: MemberRecord, rank: Int?)? = lock.withLock { fleet in
            fleet.core.membership.member(callback: address).map { member in
                (member.record, fleet.core.membership.rank(of: member.record.id))
            }
        }
        if let known, isOwnWord, !Self.isClassic(known.record) { return then(.failure(Self.foreign(address))) }
        if let known { return then(.success((known.record.id, known.rank))) }
        if let problem = rules.refusal(ofCallback: address) { return then(.failure(problem)) }
        let join = JoinRequest(
            name: address, role: .client, slots: 1, labels: [:], version: "", incarnation: Self.incarnation(address),
            identity: nil, callback: address)
        members.admit(join, from: address, token: nil) { result in
            then(result.map { ($0.identity.id, $0.rank) })
        }
    }

    /// `{"<address>": {"success": …}}` for each recipient, once all have it or the silence time is up.
    private func outcomes(of record: CommandRecord) async -> HTTPResponse {
        await commands.end(of: record.id, within: patience)
        let outcomes: [(MemberID, CommandOutcome)]
        let names: [MemberID: MemberName]
        do {
            outcomes = try await commands.outcomes(of: record.id)?.1 ?? []
            names = try await commands.names(of: outcomes.map(\.0))
        } catch {
            let problem = error as? Problem
            return .problem(problem ?? Problem(503, "The store cannot be read: \(error)", code: "store", retryAfter: 5))
        }
        let results = outcomes.map { id, outcome in
            (key: names[id]?.address ?? "member-\(id)", value: Success(outcome == .delivered))
        }
        return .json(CommandResults(results).body)
    }
}

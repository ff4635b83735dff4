internal import Glibc
internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterFileTransfer

/// The origin of a run's files.
@MainActor enum RunOrigin {
    /// For so long one that is away is waited for.
    private static let patience: Duration = .seconds(60)

    /// The given one, else the one that is listed at the coordinator. It is shown the join token, which the coordinator tells: never the
    /// admin's, as whoever has the join token may list an origin. Throws a `CommandError`.
    static func find(_ given: String?, _ client: CoordinatorClient, _ invocation: Invocation) async throws
        -> OriginClient
    {
        let named = try await given == nil ? listed(client) : given!
        let answer = try await client.call("POST", "/v1/join-command?program=false")
        let offer: JoinOffer
        do { offer = try JoinOffer(body: answer) } catch {
            throw CommandError(.internalError, "the coordinator's offer makes no sense: \(error.detail)")
        }
        return OriginClient(
            url: given ?? OriginPlace.url(named, coordinator: client.url), token: offer.token,
            tlsAuthority: invocation[CommonFlags.tlsCA], patience: patience)
    }

    private static func listed(_ client: CoordinatorClient) async throws -> String {
        let answer = try await client.call("GET", "/v1/members")
        let members = try ListAnswer<MemberStatus>(body: answer).items.filter {
            $0.role == MemberRole.origin.rawValue && (try? ValueKind.url.parse($0.labels["url"] ?? "")) != nil
        }
        // One that is doubted is better than none.
        guard let origin = members.first(where: { $0.state == "alive" }) ?? members.first else {
            throw CommandError(
                .unavailable,
                "no origin is listed at the coordinator \(client.url), and files go by one: 'muster origin --join \(client.url)'"
                    + " lists one, --origin URL names one")
        }
        return origin.labels["url"] ?? ""
    }
}

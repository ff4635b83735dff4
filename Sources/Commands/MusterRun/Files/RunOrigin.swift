internal import Glibc
internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterFileTransfer
internal import MusterWire

/// The origin of a run's files.
@MainActor enum RunOrigin {
    /// For so long one that is away in mid-run is waited for.
    private static let patience: Duration = .seconds(60)
    /// For so long one is waited for that is to be listed: a fleet that was started a moment ago may still make its sample images.
    private static let listingPatience: Duration = .seconds(20)

    /// The given one, else the one that is listed at the coordinator. It is shown the join token, which the coordinator tells: never the
    /// admin's, as whoever has the join token may list an origin. Throws a `CommandError`.
    static func find(_ given: String?, _ client: CoordinatorClient, _ invocation: Invocation) async throws
        -> OriginClient
    {
        let named = try await given == nil ? listed(client, invocation) : given!
        let answer = try await client.call("POST", "/v1/join-command?program=false")
        let offer: JoinOffer
        do { offer = try JoinOffer(body: answer) } catch {
            throw CommandError(.internalError, "the coordinator's offer makes no sense: \(error.detail)")
        }
        let origin = OriginClient(
            url: given ?? OriginPlace.url(named, coordinator: client.url), token: offer.token,
            tlsAuthority: invocation[CommonFlags.tlsCA], patience: patience)
        do {
            // One that cannot be reached at the first try is not waited for.
            try await origin.withPatience(.zero).check()
        } catch let trouble as FileTrouble {
            throw SentFiles.error(trouble, given == nil ? "; --origin URL names another" : "")
        }
        return origin
    }

    private static func listed(_ client: CoordinatorClient, _ invocation: Invocation) async throws -> String {
        let end = ContinuousClock.now + listingPatience
        var isTold = false
        while true {
            if let url = try await listedNow(client) { return url }
            guard ContinuousClock.now < end else {
                throw CommandError(
                    .unavailable,
                    "no origin is listed at the coordinator \(client.url), and files go by one: 'muster origin --join \(client.url)'"
                        + " lists one, --origin URL names one")
            }
            if !isTold { invocation.note("waiting for an origin to be listed at the coordinator: files go by one") }
            isTold = true
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private static func listedNow(_ client: CoordinatorClient) async throws -> String? {
        let answer = try await client.call("GET", "/v1/members")
        let members = try ListAnswer<MemberStatus>(body: answer).items.filter {
            $0.role == MemberRole.origin.rawValue && (try? ValueKind.url.parse($0.labels["url"] ?? "")) != nil
        }
        // One that is doubted is better than none.
        return (members.first { $0.state == "alive" } ?? members.first)?.labels["url"]
    }
}

internal import HTTPCaching
internal import MusterCache
internal import MusterEdgePeers
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterRole
internal import MusterSystem
internal import MusterWire

/// The cache of one edge, put together: what is stored, what serves it, what fetches it, what forgets it.
final class EdgeCache: Sendable {
    let store: CacheStore
    let flights = Flights()
    let floors = ImageFloors()
    let counters = EdgeCounters()
    let reader: RequestReader
    let ready: ReadyAnswers
    let server: CacheServer
    let passer: RequestPasser
    let fetcher: Fetcher
    let keeper: Keeper
    let forgetter: Forgetter
    let origin: OriginFollower

    /// Takes up where an earlier process stood with the origin. `isOwn`: whether an `Authorization` is of a token of this edge's own.
    /// `requireReader`: throws where a request's sender may not read the fleet's files.
    init(
        _ configuration: EdgeConfiguration, _ store: CacheStore, _ touch: Touch, _ forwarding: Forwarding,
        _ client: HTTPClient, _ threads: ThreadPool, isOwn: @escaping @Sendable (_ authorization: String) -> Bool,
        requireReader: @escaping @Sendable (HTTPRequest) throws(Problem) -> Void
    ) throws(NodeError) {
        let (policy, upstreams, seconds) = (
            configuration.policy, configuration.upstreams, configuration.upstreamSeconds
        )
        self.store = store
        forgetter = Forgetter(store, flights, floors, counters)
        origin = try OriginFollower(
            configuration.upstream, directory: configuration.dataDirectory, client, forgetter)
        let scheme = configuration.server.tlsCertificate == nil ? "http" : "https"
        reader = RequestReader(
            upstreams, forwarding, scheme: configuration.tellsClients ? scheme : nil,
            hostNames: configuration.hostNames, isOwn: isOwn, requireReader: requireReader)
        let answers = AnswerWriter(name: "muster-edge-\(configuration.id)", forwarding, counters)
        ready = ReadyAnswers(store, policy, upstreams, answers, touch)

        let shelf = Shelf(store, policy, floors)
        let planner = Planner(shelf, policy, flights, touch)
        let joiner = LiveJoiner(shelf, answers)
        let relay = Relay(shelf, answers, flights, policy)
        let failures = FailureAnswerer(shelf, answers, flights, policy, touch)
        keeper = Keeper(shelf, flights, joiner, threads, counters)
        let receiver = AnswerReceiver(
            policy, flights, shelf, touch, origin, Confirmer(shelf, answers, flights, policy, counters),
            HeadReceiver(shelf, answers, flights, policy, relay),
            PartReceiver(shelf, flights, policy, keeper, relay), keeper, relay, failures)
        let caller = UpstreamCaller(client, forwarding, seconds: seconds, counters)
        fetcher = Fetcher(flights, planner, caller, receiver, failures, joiner, counters)
        server = CacheServer(reader, planner, shelf, answers, fetcher)
        passer = RequestPasser(reader, client, forwarding, policy, forgetter, answers, seconds: seconds, counters)
    }
}

package import MusterAPI
internal import MusterCore
internal import MusterCrypto
package import MusterElection
package import MusterHTTP
package import MusterHTTPClient
package import MusterRole
package import MusterRoutes
package import MusterSystem
internal import MusterWire
internal import Synchronization

/// One edge among others: who leads them, what all of them purge, and what they copy from each other.
package final class EdgePeers: Sendable {
    let roster: Roster
    let purges: PurgeKeeper
    let replication: Replication
    private let fleetPurge: FleetPurge
    private let warmer: Warmer
    private let heartbeat: Duration
    private let events: EventHub
    private let isStopping = Atomic(false)

    /// Takes up what an earlier process knew. `fail` is called when this edge cannot go on, `announce` with each new leader.
    package init(
        _ settings: PeerSettings, _ cache: any PeerCache, _ touch: Touch, client: HTTPClient, threads: ThreadPool,
        events: EventHub, fail: @escaping @Sendable (NodeError) -> Void,
        announce: @escaping @Sendable (EdgeLeadership) -> Void
    ) throws(NodeError) {
        let client = PeerClient(client, settings)
        purges = try PurgeKeeper(directory: settings.dataDirectory, threads: threads) { await cache.purge($0) }
        let keeper = TouchKeeper(touch, purges, client, lateTime: settings.lateTime)
        warmer = Warmer(cache)
        replication = Replication(cache, keeper, purges, warmer, client, own: settings.id)
        let own = EdgeIdentity(
            id: settings.id, instance: hex(randomBytes(8)), startedMs: Int(SystemTime.wallClockMs()), url: "")
        let roster = try Roster(
            settings, own: own, client, files: RosterFiles(directory: settings.dataDirectory, threads: threads),
            audience: PeerWork(touch: keeper, replication: replication), double: DoubledID(fail: fail)
        ) { news in
            events.publish("leader", news.json)
            announce(news)
        }
        self.roster = roster
        fleetPurge = FleetPurge(purges, client, roster, events: events)
        (heartbeat, self.events) = (settings.heartbeat, events)
    }

    /// Whether others may have purged something while an edge of these settings was away.
    package static func mayHaveMissed(_ settings: PeerSettings) throws(NodeError) -> Bool {
        if !settings.configured.isEmpty || settings.isListed { return true }
        return try RosterFiles.hasMet(in: settings.dataDirectory)
    }

    /// `url`: where others find this edge.
    package func start(at url: String) throws(NodeError) {
        roster.listen(at: url)
        try startTicking()
    }

    package func stop() {
        isStopping.store(true, ordering: .relaxed)
        roster.stop()
        replication.stop()
        warmer.stop()
    }

    /// On a thread of its own: who leads must not be lost because tasks are late.
    private func startTicking() throws(NodeError) {
        let pause = heartbeat / 4
        let failure = startThread { [weak self] in
            let began = SystemTime.now()
            var last = began
            while true {
                SystemTime.sleep(pause)
                guard let self, !isStopping.load(ordering: .relaxed) else { return }
                let now = SystemTime.now()
                roster.tick(now, after: last, began: began)
                last = now
            }
        }
        guard failure == 0 else { throw NodeError(.setup, "there is no thread for an edge's clock; raise the limit") }
    }

    // MARK: What it is told

    /// Where other edges are, as somebody told.
    package func meet(_ urls: [String]) { roster.meet(urls) }

    /// A miss of this edge's own was stored.
    package func filled(_ copy: Copy) { replication.filled(copy) }

    /// These have changed at the origin.
    package func changed(_ copies: [Copy]) { replication.changed(copies) }

    // MARK: What it tells

    package var standing: Standing { roster.standing }
    package var url: String { roster.url }

    package func addMetrics(to page: inout MetricsPage) {
        page.add(
            "edge_election_messages_total", "counter", "Messages of elections sent, signs of life left out.",
            roster.electionMessages.load(ordering: .relaxed))
        page.add(
            "edge_pulls_total", "counter", "Answers taken over from the leader.",
            replication.pulls.load(ordering: .relaxed))
    }

    /// Nil: the route is somebody else's.
    package func handler(for name: EdgeRouteName) -> (@Sendable (HTTPRequest) throws -> HTTPOutcome)? {
        switch name {
        case .purge: { [fleetPurge] in try fleetPurge.receive($0) }
        case .events:
            { [events, roster] _ in
                .respond(.eventStream(try events.open(greeting: Self.greeting(roster.standing))))
            }
        case .edgeMessages: { [roster] in try roster.receiveMessages($0) }
        case .edgeOrders: { [replication] in try replication.receive(EdgeOrder(body: $0.body)) }
        case .edgeFilled: { [replication] in try replication.receive(EdgeCopies(body: $0.body)) }
        case .edgePurges:
            { [purges] request in
                let others = try EdgePurges(body: request.body)
                return .task { try await purges.receive(others) }
            }
        default: nil
        }
    }

    /// Who leads when the stream begins: later changes follow.
    private static func greeting(_ standing: Standing) -> [UInt8] {
        guard let leader = standing.leader else { return Array(": open\n\n".utf8) }
        return ServerSentEvent.bytes("leader", id: nil, data: EdgeLeadership(leader: leader, term: standing.term).body)
    }
}

/// What edges do together, as the roster goes on.
struct PeerWork: RosterAudience {
    let touch: TouchKeeper
    let replication: Replication

    var digest: UInt64 { touch.digest }

    func ticked(_ standing: Standing, _ now: Moment, isLate: Bool) { touch.ticked(standing, now, isLate: isLate) }

    func changed(_ standing: Standing) { replication.changed(standing) }

    func leaderChanged(_ standing: Standing) {
        touch.leaderChanged(standing)
        replication.leaderChanged(standing)
    }

    func heard(_ digest: UInt64, from id: EdgeID) { touch.heard(digest, from: id) }

    func acknowledged(by id: EdgeID) { replication.makeUp(for: id) }

    func forgot(_ id: EdgeID) {
        touch.forgot(id)
        replication.forgot(id)
    }

    func settled(_ standing: Standing, again: @escaping @Sendable () -> Void) {
        switch touch.look(standing, onChange: again) {
        case .open: break
        case .inTouch: replication.goOn(again: false)
        case .again: replication.goOn(again: true)
        }
    }

    func tell() { replication.tell() }

    func catchUp(from url: String, _ leader: EdgeID) async { await replication.catchUp(from: url, leader) }
}

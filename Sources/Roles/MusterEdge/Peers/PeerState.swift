internal import MusterAPI
internal import MusterCore
internal import MusterElection

/// What an edge knows of the others, of who leads, and of what they have told each other to forget; under one lock.
struct PeerState: Sendable {
    /// The way to one other edge, by URL: what is said to it goes in order, one request at a time.
    struct Link: Sendable {
        /// From `--peers`: it is never given up.
        var isConfigured: Bool
        /// Who answered there; nil: nobody did yet.
        var id: EdgeID?
        /// This edge itself answered there.
        var isSelf = false
        /// One answered there that is known by another URL already.
        var isAlias = false
        var waiting: [ElectionMessage] = []
        var isBusy = false
        /// In succession.
        var failures = 0
        /// Nobody there is asked who it is any more.
        var isOfNoUse: Bool { isSelf || isAlias }
        /// Whoever is not known there is asked again then.
        var nextHello = Moment.zero
    }

    /// Messages that wait for one edge; more push out the oldest, as those of a lossy network.
    static let waitingMax = EdgeMessages.messagesMax
    /// Other edges' URLs that are remembered.
    static let linksMax = EdgeMessages.edgesMax
    /// A URL that nobody configured, and where nobody was met yet, is forgotten after so many failures in succession.
    static let failuresMax = 20
    /// After so many in succession an edge is looked for by the other URLs that it was known by.
    static let failuresForOtherURL = 4

    var election: Election
    var log: PurgeLog
    var own: EdgeIdentity
    var links: [String: Link] = [:]
    /// All edges that have been met, with where they are.
    var places: [EdgeID: String] = [:]
    /// Of the purges that the others know, as they told last.
    var digests: [EdgeID: UInt64] = [:]
    /// When each was heard of last.
    var absences: Absences
    var isStarted = false
    /// Another edge was met since the start.
    var hasMet = false
    /// Since when the same edge leads.
    var leaderSince = Moment.zero
    var isExchangingPurges = false
    /// After an exchange that did not do: not again at once.
    var nextExchange = Moment.zero
    /// How often this process was frozen; what came in before it noticed may be as old as that.
    var pauses = 0
    /// Frozen, and the leader not asked since for what was purged meanwhile.
    var mustAsk = false
    /// Held to the leader, so that its end is noticed at once.
    var watch: Task<Void, Never>?

    // As the leader.
    var outgoing: [EdgeID: CopyQueue] = [:]
    var sending: Set<EdgeID> = []
    /// Followers that an order did not reach: they get all of them when they are heard again.
    var behind: Set<EdgeID> = []
    // As a follower.
    var untold = CopyQueue()
    var isTelling = false
    /// After a leader that did not listen: not again at once.
    var nextTelling = Moment.zero
    var wanted = CopyQueue()
    var pulling = 0
    /// What the leader had when this edge came under it is being pulled.
    var isCatchingUp = false
    /// Pulls in succession that came too early: the leader was behind the origin.
    var pullsEarly = 0
    // Of the upstream.
    var unwarmed = CopyQueue()
    var warming = 0

    init(election: Election, log: PurgeLog, own: EdgeIdentity, configured: [String], absence: Duration) {
        (self.election, self.log, self.own) = (election, log, own)
        absences = Absences(patience: absence)
        for url in configured { links[url] = Link(isConfigured: true) }
    }

    /// Its place, and what was to be told it. Where it was configured somebody may come to be again: who is there is asked now and then.
    mutating func forget(_ id: EdgeID) {
        if let url = places.removeValue(forKey: id), let link = links[url], link.id == id {
            links[url] = link.isConfigured ? Link(isConfigured: true) : nil
        }
        digests[id] = nil
        outgoing[id] = nil
        behind.remove(id)
    }

    /// As many of them as others listen to.
    var told: [EdgeID: String] {
        if places.count <= EdgeMessages.edgesMax { return places }
        return Dictionary(
            uniqueKeysWithValues: places.sorted { $0.key > $1.key }.prefix(EdgeMessages.edgesMax).map { $0 })
    }

    /// Where an edge was known by another URL, it is to be found by that if this one fails.
    mutating func reconsiderAliases() { for url in links.keys { links[url]?.isAlias = false } }

    /// Nothing that waits begins any more.
    mutating func stop() {
        watch?.cancel()
        outgoing = [:]
        (untold, wanted, unwarmed) = (CopyQueue(), CopyQueue(), CopyQueue())
    }

    mutating func remember(_ url: String) {
        guard links[url] == nil, links.count < Self.linksMax, url != own.url else { return }
        links[url] = Link(isConfigured: false)
    }

    /// Whether everybody that should have been asked who they are has answered, or has not, once.
    var hasAskedAround: Bool {
        links.values.allSatisfy { $0.id != nil || $0.isOfNoUse || $0.failures > 0 }
    }
}

internal import MusterAPI
internal import MusterCore

/// What an edge knows of the others, of who leads, and of what they have told each other to forget; under one lock.
struct PeerState: Sendable {
    /// The way to one other edge, by URL: what is said to it goes in order, one request at a time.
    struct Link: Sendable {
        /// From `--peers`: it is never given up.
        var isConfigured: Bool
        /// Who answered there; nil: nobody did yet.
        var id: EdgeID?
        /// This edge itself answered there, or one that is known by another URL already.
        var isOfNoUse = false
        var waiting: [ElectionMessage] = []
        var isBusy = false
        /// In succession.
        var failures = 0
        /// Whoever is not known there is asked again then.
        var nextHello = Moment.zero
    }

    /// Messages that wait for one edge; more push out the oldest, as those of a lossy network.
    static let waitingMax = EdgeMessages.messagesMax
    /// Other edges' URLs that are remembered.
    static let linksMax = EdgeMessages.edgesMax
    /// One that nobody configured is forgotten after so many failures in succession.
    static let failuresMax = 20

    var election: Election
    var log: PurgeLog
    var own: EdgeIdentity
    var links: [String: Link] = [:]
    var places: [EdgeID: String] = [:]
    /// Of the purges that the others know, as they told last.
    var digests: [EdgeID: UInt64] = [:]
    var isStarted = false
    /// Since when the same edge leads.
    var leaderSince = Moment.zero
    var isExchangingPurges = false
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
    var wanted = CopyQueue()
    var pulling = 0

    init(election: Election, log: PurgeLog, own: EdgeIdentity, configured: [String]) {
        (self.election, self.log, self.own) = (election, log, own)
        for url in configured { links[url] = Link(isConfigured: true) }
    }

    /// All edges that have been met, with where they are.
    var known: [EdgeID: String] { places }

    mutating func remember(_ url: String) {
        guard links[url] == nil, links.count < Self.linksMax, url != own.url else { return }
        links[url] = Link(isConfigured: false)
    }

    /// Whether everybody that should have been asked who they are has answered, or has not, once.
    var hasAskedAround: Bool {
        links.values.allSatisfy { !$0.isConfigured || $0.id != nil || $0.isOfNoUse || $0.failures > 0 }
    }
}

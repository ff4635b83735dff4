internal import MusterAPI
internal import MusterCore
internal import MusterElection

/// What an edge knows of the others and of who leads.
struct RosterState: Sendable {
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
    var own: EdgeIdentity
    var links: [String: Link] = [:]
    /// All edges that have been met, with where they are.
    var places: [EdgeID: String] = [:]
    /// When each was heard of last.
    var absences: Absences
    var isStarted = false
    /// A coordinator has told of others.
    var isDiscovered = false
    /// Another edge was met since the start.
    var hasMet = false
    /// As it was told last.
    var told: Standing

    init(election: Election, own: EdgeIdentity, configured: [String], absence: Duration) {
        (self.election, self.own) = (election, own)
        told = Standing(own: own.id, term: election.term)
        absences = Absences(patience: absence)
        for url in configured { links[url] = Link(isConfigured: true) }
    }

    /// Its place, and what was to be told it. Where it was configured somebody may come to be again: who is there is asked now and then.
    mutating func forget(_ id: EdgeID) {
        if let url = places.removeValue(forKey: id), let link = links[url], link.id == id {
            links[url] = link.isConfigured ? Link(isConfigured: true) : nil
        }
    }

    var standing: Standing {
        var standing = Standing(own: own.id, leader: election.leader, term: election.term)
        (standing.places, standing.live) = (places, election.livePeers)
        return standing
    }

    /// As many of them as others listen to.
    var introduced: [EdgeID: String] {
        if places.count <= EdgeMessages.edgesMax { return places }
        return Dictionary(
            uniqueKeysWithValues: places.sorted { $0.key > $1.key }.prefix(EdgeMessages.edgesMax).map { $0 })
    }

    /// Where an edge was known by another URL, it is to be found by that if this one fails.
    mutating func reconsiderAliases() { for url in links.keys { links[url]?.isAlias = false } }

    mutating func remember(_ url: String) {
        guard links[url] == nil, links.count < Self.linksMax, url != own.url else { return }
        links[url] = Link(isConfigured: false)
    }

    /// Whether everybody that should have been asked who they are has answered, or has not, once.
    var hasAskedAround: Bool {
        links.values.allSatisfy { $0.id != nil || $0.isOfNoUse || $0.failures > 0 }
    }
}

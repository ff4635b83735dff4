package import MusterElection

/// How one edge stands among others.
package struct PeerSettings: Sendable {
    /// Its place in the order of edges.
    package var id: EdgeID
    /// Its own folder, for its term and its log of purges.
    package var dataDirectory: String
    /// What lets this edge in at the others.
    package var token: String
    /// Where other edges are; this one may be among them.
    package var configured: [String] = []
    /// Whether a coordinator will tell of others.
    package var isListed = false
    /// Between two signs of life of the leader.
    package var heartbeat: Duration = .milliseconds(100)
    /// An edge that nobody hears for so long is forgotten.
    package var absence: Duration = .seconds(60)
    /// Begins the paths of the edges' own routes, at all of them.
    package var ownPaths = ""

    package init(id: EdgeID, dataDirectory: String, token: String) {
        (self.id, self.dataDirectory, self.token) = (id, dataDirectory, token)
    }

    /// A longer gap between two ticks means that this process was frozen.
    var lateTime: Duration { heartbeat * 8 }
}
